"""How clients are shared between the stable revision and a canary: one interface, one file per implementation."""
