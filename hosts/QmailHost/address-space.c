/* Linked into the native program, so that it starts under a limit on addresses (softlimit -m), before the runtime makes
   its first thread.

   For the first thread beside the main one glibc sets 128 MiB of addresses aside, just when the runtime reserves its
   heap; now and again there was no room for both, and the program ended before its first line. Threads here hardly
   allocate: one arena is enough for all.

   A thread's stack is as large as the limit on stacks, which softlimit -m raises to the whole. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>

#define STACK (2 << 20)

__attribute__((constructor)) static void save_addresses(void) {
    pthread_attr_t attributes;
    (void)mallopt(M_ARENA_MAX, 1);
    if (pthread_attr_init(&attributes) == 0) {
        (void)pthread_attr_setstacksize(&attributes, STACK);
        (void)pthread_setattr_default_np(&attributes);
        (void)pthread_attr_destroy(&attributes);
    }
}
