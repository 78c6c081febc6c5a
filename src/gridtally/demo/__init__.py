"""Before step 1: a synthetic town, so that a newcomer has something to bill.

Everything here imitates a utility that delivers files; nothing here takes part in billing.
"""
