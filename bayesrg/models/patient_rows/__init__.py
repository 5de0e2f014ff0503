"""Rows of patients: how a table, or a cohort, becomes what an association is fitted to, and new patients the same."""
