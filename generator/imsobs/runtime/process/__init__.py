"""The native runtime: the rendered stack as supervised processes, without containers.

``plan`` says what to run, ``binaries`` finds or builds it, ``stack`` starts and stops it,
``status`` and ``doctor`` look at it. The command line is ``imsobs.cli.stack``.
"""
