//! Rules, alert states, exception groups, incidents, response times, notification.
