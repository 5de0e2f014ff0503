"""The feature families of IBSI-1, each a module and a table of definitions; its ``describe`` measures a region."""
