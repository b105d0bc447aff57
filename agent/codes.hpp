// The stable finding codes; what each means and how to mend it is in agent/report/codes.cpp.
#pragma once

#include <string_view>

namespace nodeproof::code {

// the tag and its index
inline constexpr std::string_view kInvalidReference = "InvalidReference";
inline constexpr std::string_view kRegistryUnreachable = "RegistryUnreachable";
inline constexpr std::string_view kRegistryUnauthorized = "RegistryUnauthorized";
inline constexpr std::string_view kRegistryUntrusted = "RegistryUntrusted";
inline constexpr std::string_view kRegistryThrottled = "RegistryThrottled";
inline constexpr std::string_view kRegistryError = "RegistryError";
inline constexpr std::string_view kNotARegistry = "NotARegistry";
inline constexpr std::string_view kImageNotFound = "ImageNotFound";
inline constexpr std::string_view kIndexDamaged = "IndexDamaged";
inline constexpr std::string_view kPlatformMissing = "PlatformMissing";
inline constexpr std::string_view kTagMoved = "TagMoved";
inline constexpr std::string_view kPollingPaused = "PollingPaused";
inline constexpr std::string_view kProofStale = "ProofStale";
inline constexpr std::string_view kPlatformLost = "PlatformLost";
inline constexpr std::string_view kPlatformAmbiguous = "PlatformAmbiguous";
inline constexpr std::string_view kRevisionsDiffer = "RevisionsDiffer";
inline constexpr std::string_view kMixedMediaTypes = "MixedMediaTypes";
inline constexpr std::string_view kTagNotDeletable = "TagNotDeletable";
inline constexpr std::string_view kReferrersNotCopied = "ReferrersNotCopied";
inline constexpr std::string_view kVariantsDiverge = "VariantsDiverge";
// the bytes
inline constexpr std::string_view kContentCorrupt = "ContentCorrupt";
inline constexpr std::string_view kLayerCorrupt = "LayerCorrupt";
inline constexpr std::string_view kFileCorrupt = "FileCorrupt";
inline constexpr std::string_view kInUseAndFailing = "InUseAndFailing";
inline constexpr std::string_view kArchMismatch = "ArchMismatch";
inline constexpr std::string_view kPlatformMismatch = "PlatformMismatch";
inline constexpr std::string_view kLoaderMissing = "LoaderMissing";
inline constexpr std::string_view kLibraryMissing = "LibraryMissing";
inline constexpr std::string_view kSymbolVersionMissing = "SymbolVersionMissing";
inline constexpr std::string_view kKernelTooOld = "KernelTooOld";
inline constexpr std::string_view kStaticTlsRisk = "StaticTlsRisk";
inline constexpr std::string_view kPageSizeIncompatible = "PageSizeIncompatible";
inline constexpr std::string_view kNeedsSmallPages = "NeedsSmallPages";
inline constexpr std::string_view kAddressSpaceMismatch = "AddressSpaceMismatch";
inline constexpr std::string_view kEntrypointMissing = "EntrypointMissing";
inline constexpr std::string_view kInspectionIncomplete = "InspectionIncomplete";
inline constexpr std::string_view kWouldRunEmulated = "WouldRunEmulated";
// the run
inline constexpr std::string_view kSmokeFailed = "SmokeFailed";
inline constexpr std::string_view kNotExecutable = "NotExecutable";
inline constexpr std::string_view kProgramCrashed = "ProgramCrashed";
inline constexpr std::string_view kUnalignedAccess = "UnalignedAccess";
inline constexpr std::string_view kSyscallRefused = "SyscallRefused";
inline constexpr std::string_view kTimedOut = "TimedOut";
inline constexpr std::string_view kOutOfMemory = "OutOfMemory";
inline constexpr std::string_view kProcessLimit = "ProcessLimit";
inline constexpr std::string_view kOutputLimit = "OutputLimit";
inline constexpr std::string_view kMissingIsaExtension = "MissingIsaExtension";
inline constexpr std::string_view kSmokeNotRun = "SmokeNotRun";
inline constexpr std::string_view kSmokeLeftovers = "SmokeLeftovers";
inline constexpr std::string_view kThreadsRefused = "ThreadsRefused";
inline constexpr std::string_view kSmokeDeferred = "SmokeDeferred";
inline constexpr std::string_view kNotExecuted = "NotExecuted";
// beside other nodes
inline constexpr std::string_view kOutputDiffers = "OutputDiffers";
inline constexpr std::string_view kNoReference = "NoReference";
inline constexpr std::string_view kReferenceNotTrusted = "ReferenceNotTrusted";
// containerd and the host
inline constexpr std::string_view kContainerdUnavailable = "ContainerdUnavailable";
inline constexpr std::string_view kPermissionDenied = "PermissionDenied";
inline constexpr std::string_view kNoSpace = "NoSpace";
inline constexpr std::string_view kPullFailed = "PullFailed";
inline constexpr std::string_view kPreloadBypassesPullSecrets = "PreloadBypassesPullSecrets";
inline constexpr std::string_view kPullDeferred = "PullDeferred";
inline constexpr std::string_view kUserlandBitness = "UserlandBitness";
inline constexpr std::string_view kMemoryCgroupMissing = "MemoryCgroupMissing";
inline constexpr std::string_view kNothingRequired = "NothingRequired";
inline constexpr std::string_view kImagesNotKnown = "ImagesNotKnown";
inline constexpr std::string_view kRequiredBy = "RequiredBy";
inline constexpr std::string_view kNotChecked = "NotChecked";
inline constexpr std::string_view kCycleCrashed = "CycleCrashed";
inline constexpr std::string_view kStateNotKept = "StateNotKept";
inline constexpr std::string_view kCertificateExpiring = "CertificateExpiring";
inline constexpr std::string_view kAcceptanceEnded = "AcceptanceEnded";
inline constexpr std::string_view kConfigInvalid = "ConfigInvalid";
inline constexpr std::string_view kInterrupted = "Interrupted";
inline constexpr std::string_view kOverridden = "Overridden";
// what runs beside what is required
inline constexpr std::string_view kInUseNotRequired = "InUseNotRequired";
inline constexpr std::string_view kRequiredNotUsed = "RequiredNotUsed";
// the host's doctor
inline constexpr std::string_view kClockWrong = "ClockWrong";
inline constexpr std::string_view kClockNotSynchronised = "ClockNotSynchronised";
inline constexpr std::string_view kKernelFeatureMissing = "KernelFeatureMissing";
inline constexpr std::string_view kCgroupDriverMismatch = "CgroupDriverMismatch";
inline constexpr std::string_view kContainerdWaitsForReady = "ContainerdWaitsForReady";
inline constexpr std::string_view kDeviceFileMissing = "DeviceFileMissing";
inline constexpr std::string_view kDeviceFileEmpty = "DeviceFileEmpty";
inline constexpr std::string_view kUnderVoltage = "UnderVoltage";
inline constexpr std::string_view kThermalThrottled = "ThermalThrottled";
inline constexpr std::string_view kUnpackNotSynced = "UnpackNotSynced";
inline constexpr std::string_view kKnownEscape = "KnownEscape";
inline constexpr std::string_view kEmulatorRegistered = "EmulatorRegistered";
inline constexpr std::string_view kJetsonReleaseMismatch = "JetsonReleaseMismatch";

}  // namespace nodeproof::code
