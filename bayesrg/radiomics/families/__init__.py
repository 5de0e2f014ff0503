"""The feature families of IBSI-1: one module and one table of definitions each; a module's ``describe`` measures a region."""
