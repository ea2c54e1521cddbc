/bin/
/coverage.out
.env
