"""What an operator does: accounts, tokens, collections, indexes, repairs, the first start."""
