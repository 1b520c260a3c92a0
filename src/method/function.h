/*-------------------------------------------------------------------------
 *
 * function.h
 *	  Which row of the catalogue an SQL function stands for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FUNCTION_H
#define RTM_FUNCTION_H

#include "access/tupdesc.h"
#include "fmgr.h"

#include "fpnn/catalog.h"

/* The functions of a method. */
typedef enum RtmVariant
{
	RTM_VARIANT_CALL,  /* rtm_<call>() */
	RTM_VARIANT_PAGE,  /* rtm_<call>_page(), of a history */
	RTM_VARIANT_QUEUED /* rtm_<call>_async() */
} RtmVariant;

/* An SQL function; kept as long as its FmgrInfo. */
typedef struct RtmFunction
{
	const RtmMethod *method;
	RtmVariant		 variant;
	char			*name;	 /* with rtm_ and suffix, for errors */
	bool			 binary; /* msg is bytea */
	int				 nargs;	 /* the method's; the common ones follow */
	TupleDesc		 desc;	 /* see rtm_function_desc() */
} RtmFunction;

/*
 * The function that is called, found by its name, the first time with a look at
 * its arguments: an internal error when they aren't those of the catalogue.
 * Uses fn_extra.
 */
extern RtmFunction *rtm_function(FunctionCallInfo fcinfo);

/* The row type that it returns. */
extern TupleDesc rtm_function_desc(RtmFunction *function, FunctionCallInfo fcinfo);

/* The name of a method's SQL function, palloc()ed. suffix: "", "_page" or "_async". */
extern char *rtm_function_name(const RtmMethod *method, const char *suffix);

#endif /* RTM_FUNCTION_H */
