"""Sentences of the textbooks that no code here tests yet: listed, so that what is missing is seen.

A sentence leaves this table when its test enters ``analysis.claims.CLAIMS``; none is left.
"""

from analysis.claims.base import Claim

NO_TEST = "no test for this claim yet"

UNTESTED: tuple[Claim, ...] = ()
