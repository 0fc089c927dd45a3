"""From objectives to what Prometheus evaluates: events (bad and all), recording rules, alerts. Pure."""
