"""Times as logs, the API and everybody's neighbours abroad write them. Seconds matter: events come several in one."""

DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_FORMAT = "Y-m-d"
