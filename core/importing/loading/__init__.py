"""Rows of texts to a staging table, as fast as the database takes them."""
