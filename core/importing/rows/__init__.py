"""Rows of cells to rows of texts as the database takes them."""
