#pragma once
int hw_placeholder(void);
