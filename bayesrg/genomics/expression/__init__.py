"""Expression: raw counts to TPM, FPKM and CPM, and the scores of gene sets."""
