"""Tables at the border: read without harm to their labels, written whole or not at all, printed for people."""

from bayesrg.tables.choosing import choose_columns
from bayesrg.tables.number_text import MISSING
from bayesrg.tables.reading import SUFFIXES, read_numbers, read_table
from bayesrg.tables.showing import print_table, write_csv

__all__ = ["MISSING", "SUFFIXES", "choose_columns", "print_table", "read_numbers", "read_table", "write_csv"]
