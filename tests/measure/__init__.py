"""What measures by hand; the tests run short ones of them."""
