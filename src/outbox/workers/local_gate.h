/*-------------------------------------------------------------------------
 *
 * local_gate.h
 *	  The local gate's start with the server: all that this library knows of it
 *	  is the names of an extension, a library and a function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_LOCAL_GATE_H
#define OUTBOX_LOCAL_GATE_H

/*
 * If rtm_gate is installed in this process's database, and its library is on
 * this machine, ask for a gate; it finds out itself whether it is wanted, or
 * there already.  Not in a transaction.
 */
extern void outbox_start_local_gate(void);

#endif /* OUTBOX_LOCAL_GATE_H */
