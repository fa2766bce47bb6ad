// bcryptprimitives.dll for the Wine of Debian 12 (8.0), which lacks it: Go's runtime takes random bytes from its one function.
#include <windows.h>

#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size) { return RtlGenRandom(data, (ULONG)size); }
