"""What events are worth and when requirements are met: plain decisions, no database, no clock.

An event is worth a *sample* to each metric whose conditions hold. Samples are folded into *tallies*, one a *scope* (a
player's whole life, a period, a span of dates, one run of a repeating achievement). A *requirement* reads one aggregate
of a tally against a threshold; a *goal* is some requirements, how many of them it takes, and the scope they count in.
"""
