"""6 act: carries out a Plan; the only writer."""
