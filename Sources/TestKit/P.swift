struct P0 {}
