"""What is found in a spec, told to the programs that show it beside the text under review."""
