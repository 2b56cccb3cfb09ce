// The kernels of one target, over its vectors and products.
#pragma once

#include "functions.h"
#include "rows.h"
#include "windows.h"

#include "attention.h"
#include "block.h"
#include "training.h"
#include "ends.h"
