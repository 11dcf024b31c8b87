"""From the text of a cell to the text that the database stores.

Cells of one column and one layout share kind and format, so a converter is made
once for them. It has a long way, over the field's Python value, which knows every
rule and every sentence; and for the usual cells a short cut from text to text.
"""
