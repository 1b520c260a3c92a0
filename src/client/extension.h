/*-------------------------------------------------------------------------
 *
 * extension.h
 *	  Where the extension lives in this database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_EXTENSION_H
#define RTM_EXTENSION_H

/* The schema of the extension; raises 3F000 when it isn't installed here. */
extern Oid rtm_extension_schema(void);

#endif /* RTM_EXTENSION_H */
