"""What a secret looks like: in keys, in texts, and by the rules of a maintained scanner.

Expressions are RE2, as the Collector and Promtail compile them, and are written for how Go
executes them: one attempt at each character of a text, whose cost is the number of alternatives
that can begin there. So alternatives are few and begin with what is rare, and a text of plain
words is not searched at all (``plain``).
"""
