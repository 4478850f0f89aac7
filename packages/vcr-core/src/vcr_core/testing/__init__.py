"""What tests of recorders, readers and integrations share: strategies, samples, exact equality, and faults.

Ships with the package so that other packages, and users, can test against it.  Nothing is imported here: each module
is imported by name, and only `vcr_core.testing.strategies` needs Hypothesis.
"""
