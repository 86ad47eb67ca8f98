"""What alerts would have done: replayed over the samples that a Prometheus holds.

``replay`` asks for the condition of each alert at every evaluation of its group (``questions``,
``prometheus``), with records that history lacks in place (``inplace``), runs Prometheus' own state
machine over the answers (``states``), and follows the routing (``told``). ``report`` and ``page``
show the outcome.
"""
