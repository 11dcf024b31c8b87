"""What is filled: tables, their columns and keys, with a model or without."""
