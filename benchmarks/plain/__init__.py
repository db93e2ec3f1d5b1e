"""What Portico's gateway is compared with: the same done by plain Django views."""
