"""From the staging table to the table: what is in the way, what changes, the merge."""
