"""Mutation tests of the planning modules: would a wrong value be noticed?

One thing of a module is changed, in memory; the tests of values that belong to it run; at least
one of them must fail. What counts is tests that compare values or let the real software compute.
Comparisons with the committed files are not among them: they notice any change, and say nothing
about which of the two is right. The score is the share of mutations that were noticed, of those
that are faults; what is none is named with its reason, and the score of all is given beside it.

    python -m bench.mutants                      every suite, and its page
    python -m bench.mutants budget routing       suites, no page
    python -m bench.mutants model/budget.py      a module, no page
    python -m bench.mutants budget --update      a suite, and its rows of the page

Neither mutmut 3.8 nor cosmic-ray 8.7 fits: most values of this program stand in texts (PromQL
and OTTL written as f-strings) and in constants of modules. mutmut leaves f-strings and what is
outside of functions alone, cosmic-ray changes no text (ADR 32).
"""
