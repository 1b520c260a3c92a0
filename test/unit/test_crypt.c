#include "unit.h"

void
test_crypt(void)
{
}
