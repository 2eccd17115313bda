#include "commands.h"
int cmd_top(int argc, char **argv) { return 1; }
