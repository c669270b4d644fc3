"""The commands of `khobor`, by family: what each may be asked with, and how it is carried out."""
