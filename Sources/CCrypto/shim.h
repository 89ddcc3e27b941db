// OpenSSL 3 would rather be asked through EVP, which sets all of OpenSSL up for it: 2 MB of every rank.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>
