#pragma once
int cmpi_placeholder(void);
