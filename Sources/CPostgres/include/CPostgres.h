#ifndef APUS_POSTGRES_H
#define APUS_POSTGRES_H

#include <postgresql/libpq-fe.h>

// The functions of libpq that are used, with the types that its header gives them.
#define APUS_POSTGRES_FUNCTIONS(F) \
  F(PQclear) \
  F(PQcmdStatus) \
  F(PQcmdTuples) \
  F(PQconnectPoll) \
  F(PQconnectStartParams) \
  F(PQconninfoFree) \
  F(PQconninfoParse) \
  F(PQconsumeInput) \
  F(PQerrorMessage) \
  F(PQfinish) \
  F(PQflush) \
  F(PQfname) \
  F(PQfreemem) \
  F(PQftype) \
  F(PQgetisnull) \
  F(PQgetlength) \
  F(PQgetResult) \
  F(PQgetvalue) \
  F(PQisBusy) \
  F(PQnfields) \
  F(PQntuples) \
  F(PQresultErrorField) \
  F(PQresultStatus) \
  F(PQsendPrepare) \
  F(PQsendQuery) \
  F(PQsendQueryPrepared) \
  F(PQsetnonblocking) \
  F(PQsetNoticeReceiver) \
  F(PQsocket) \
  F(PQstatus)

// libpq's functions. Nothing is linked: a program that talks to no PostgreSQL needs neither libpq nor what it needs.
struct apus_postgres {
#define APUS_POSTGRES_MEMBER(name) __typeof__(name) *name;
  APUS_POSTGRES_FUNCTIONS(APUS_POSTGRES_MEMBER)
#undef APUS_POSTGRES_MEMBER
};

// Finds libpq.so.5, the first time it is called, and keeps it: NULL when it is missing or lacks a function.
const struct apus_postgres *apus_postgres_find(void);

// A receiver of notices that ignores them; libpq's own writes them to standard error.
void apus_postgres_ignore(void *context, const PGresult *notice);

#endif
