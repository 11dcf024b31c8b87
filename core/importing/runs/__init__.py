"""The ledger of imports and the lock that lets one at a time into a table."""
