"""What turns features into raw scores, and tells what each feature did to them."""
