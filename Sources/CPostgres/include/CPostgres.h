// libpq, found when a PostgreSQL is asked for, and not before.
#pragma once
#include <postgresql/libpq-fe.h>
