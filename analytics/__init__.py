"""Reports: figures over clicks, conversions and costs."""
