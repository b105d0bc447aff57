// Keys that are known to everybody: for tests only.
#pragma once

namespace nodeproof::fakes {

// That of DSSE's own example (protocol.md, "Test Vectors").
inline constexpr const char* kExampleKey =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEINc+xDf9Y0bjYZxev9//D2kWgElVrTKsmsSSsO3h9v+3oAoGCCqGSM49\n"
    "AwEHoUQDQgAEZ805D3eqNZywjCI19lInBJOp7YMrCrzAH3CVTAOQ0jgMeCvVTiaR\n"
    "JaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==\n"
    "-----END EC PRIVATE KEY-----\n";
inline constexpr const char* kExampleKeyPkcs8 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1z7EN/1jRuNhnF6/\n"
    "3/8PaRaASVWtMqyaxJKw7eH2/7ehRANCAARnzTkPd6o1nLCMIjX2UicEk6ntgysK\n"
    "vMAfcJVMA5DSOAx4K9VOJpElpE9EM6/xQyzpThK8pzqmesgM6hJgjd90\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr const char* kExamplePublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr\n"
    "CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr const char* kOtherKey =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEINIo12SP39MG7k8D6WnIAoKDeuUkkcNHqEaSYoE9pdX5oAoGCCqGSM49\n"
    "AwEHoUQDQgAEAUu1XwP4jxrUrPeovErsdCKsLYX+ZMnLzo92rRWnyUo3bp5Ghegt\n"
    "rcSxqljU4aoCSqOxkfWkqsqZdbWCNcdr6Q==\n"
    "-----END EC PRIVATE KEY-----\n";
inline constexpr const char* kOtherPublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAUu1XwP4jxrUrPeovErsdCKsLYX+\n"
    "ZMnLzo92rRWnyUo3bp5GhegtrcSxqljU4aoCSqOxkfWkqsqZdbWCNcdr6Q==\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr const char* kP384Key =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MIGkAgEBBDB6IQtFOz9NSFVNsM/MxFRwA/CUqi+sfTYGt8VJGpwEm/liRJWITRE+\n"
    "YiaSIJSy+4WgBwYFK4EEACKhZANiAARiFRsyzb+Ar1BYdgGnmDJhoktOSOqZ2q1B\n"
    "6cNsvNXOAPEgEzAUicsDRDKYSczahtUYiQGKsJfsHXP/0cPU3JI0nIhqrUKu9lPg\n"
    "h9Kq1vB4QClD5sVag3H67mEZmj9awU8=\n"
    "-----END EC PRIVATE KEY-----\n";
inline constexpr const char* kRsaPublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDGGl3QDp8mv/O3QoRRkNbHRTy6\n"
    "TrXR3gf6653ZV83yaDXcVQMKEXR0FM/Zz2D6euTnQyGgfitqQcLHVWqyFlvN+c2h\n"
    "UswLmpimn+zvf4bmW7uT9NuRls/LQBsDE4hfHf/vOV+zdJzxkKqI+CfCm+k+2VaY\n"
    "oszSwI9xnIYHvNVyLQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr const char* kEncryptedKey =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjVj2ReHUlilAICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEC1RqAWQSmJSnggMmH3P804EgZCQ\n"
    "z9mGjdkD+rtUbsTb0GlbH/H56NZ6mH8f7M+2Dy3/jKEnszjBC6eVANqyanS5ISMT\n"
    "jjeZ6ka2XeW/4A6JiBH5Qnyp3qT5n03MOdp9JvF3BEd4m5l+nhIS0VYRKj/8MTKm\n"
    "lnA+7XjHqYAzWZ0NrQw5uHjjqkK/33EUxctF9R/7ntesxOmy9J8dxMe9P+Vmrz8=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

}  // namespace nodeproof::fakes
