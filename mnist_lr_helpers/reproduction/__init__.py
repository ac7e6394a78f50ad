"""Re-measures what five published documents claim: the studies, how they run on Dask, and the verdicts.

It uses the course's helpers; nothing but the command line imports it.
"""
