/* Calls a compiled library once, on a machine that has no Python: under an emulator, to check code for another system.

   runner FFI RUNTIME EXTRA LIBRARY FEED RESULT

   FEED holds the inputs, RESULT gets the outputs: how many (int32), then for each its element type (code uint8, bits
   uint8, lanes uint16, as DLPack has them), how many dimensions (int32), their sizes (int64), and its bytes in C order. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tvm/ffi/c_api.h>

#ifdef _WIN32
#include <windows.h>
#define OPEN(path) ((void *)LoadLibraryExA(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH))
#define FIND(library, name) ((void *)GetProcAddress((HMODULE)(library), name))
#define ALIGNED(size) _aligned_malloc(size, ALIGNMENT)
#else
#include <dlfcn.h>
#define OPEN(path) dlopen(path, RTLD_NOW | RTLD_GLOBAL)
#define FIND(library, name) dlsym(library, name)
#define ALIGNED(size) aligned_alloc(ALIGNMENT, size)
#endif

/* An object of TVM's begins with a header; what it is comes behind. */
#define BEHIND(object) ((void *)((char *)(object) + sizeof(TVMFFIObject)))

enum { ALIGNMENT = 64, MOST = 64, DIMENSIONS = 16 };

/* From the library of TVM's C interface, which is opened by hand: where it lies is an argument. */
static int (*find_global)(const TVMFFIByteArray *, TVMFFIObjectHandle *);
static int (*call_function)(TVMFFIObjectHandle, TVMFFIAny *, int32_t, TVMFFIAny *);
static void (*take_error)(TVMFFIObjectHandle *);
static int (*take_tensor)(DLManagedTensor *, int32_t, int32_t, TVMFFIObjectHandle *);

static void fail(const char *doing) {
  TVMFFIObjectHandle raised = NULL;
  if (take_error) take_error(&raised);
  if (raised) {
    TVMFFIErrorCell *error = BEHIND(raised);
    fprintf(stderr, "%s: %.*s: %.*s\n", doing, (int)error->kind.size, error->kind.data, (int)error->message.size,
            error->message.data);
  } else {
    fprintf(stderr, "%s failed\n", doing);
  }
  exit(1);
}

static void *opened(const char *path) {
  void *library = OPEN(path);
  if (!library) {
#ifndef _WIN32
    fprintf(stderr, "%s\n", dlerror());
#endif
    fail(path);
  }
  return library;
}

static TVMFFIAny value(int32_t type) {
  TVMFFIAny made;
  memset(&made, 0, sizeof made);
  made.type_index = type;
  return made;
}

static TVMFFIAny text(const char *words) {
  TVMFFIAny made = value(kTVMFFIRawStr);
  made.v_c_str = words;
  return made;
}

static TVMFFIAny number(int32_t type, int64_t n) {
  TVMFFIAny made = value(type);
  made.v_int64 = n;
  return made;
}

static TVMFFIAny call(TVMFFIObjectHandle function, TVMFFIAny *arguments, int count, const char *doing) {
  TVMFFIAny result = value(kTVMFFINone);
  if (call_function(function, arguments, count, &result)) fail(doing);
  return result;
}

static TVMFFIObjectHandle global(const char *name) {
  TVMFFIByteArray wanted = {name, strlen(name)};
  TVMFFIObjectHandle found = NULL;
  if (find_global(&wanted, &found) || !found) fail(name);
  return found;
}

static TVMFFIObjectHandle method(TVMFFIAny module, const char *name) {
  TVMFFIAny arguments[] = {module, text(name), number(kTVMFFIBool, 1)};
  TVMFFIAny found = call(global("ffi.ModuleGetFunction"), arguments, 3, name);
  if (found.type_index != kTVMFFIFunction) fail(name);
  return found.v_obj;
}

static void get(FILE *file, void *data, size_t size) {
  if (fread(data, 1, size, file) != size) fail("reading the inputs");
}

static void put(FILE *file, const void *data, size_t size) {
  if (fwrite(data, 1, size, file) != size) fail("writing the outputs");
}

static size_t bytes_of(const DLTensor *tensor) {
  size_t size = (tensor->dtype.bits * tensor->dtype.lanes + 7) / 8;
  for (int i = 0; i < tensor->ndim; i++) size *= (size_t)tensor->shape[i];
  return size;
}

static TVMFFIAny read_tensor(FILE *file) {
  DLManagedTensor *held = calloc(1, sizeof *held);
  DLTensor *tensor = &held->dl_tensor;
  get(file, &tensor->dtype, 4);
  get(file, &tensor->ndim, 4);
  if (tensor->ndim < 0 || tensor->ndim > DIMENSIONS) fail("reading a shape");
  tensor->shape = calloc(DIMENSIONS, sizeof(int64_t));
  get(file, tensor->shape, sizeof(int64_t) * (size_t)tensor->ndim);
  tensor->device.device_type = kDLCPU;
  size_t size = bytes_of(tensor);
  tensor->data = ALIGNED((size + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
  if (!tensor->data) fail("memory for an input");
  get(file, tensor->data, size);
  TVMFFIAny made = value(kTVMFFITensor);
  TVMFFIObjectHandle handle = NULL;
  if (take_tensor(held, ALIGNMENT, 1, &handle)) fail("an input");
  made.v_obj = handle;
  return made;
}

static void write_tensor(FILE *file, TVMFFIAny output) {
  if (output.type_index != kTVMFFITensor) fail("an output that is no tensor");
  DLTensor *tensor = BEHIND(output.v_obj);
  put(file, &tensor->dtype, 4);
  put(file, &tensor->ndim, 4);
  put(file, tensor->shape, sizeof(int64_t) * (size_t)tensor->ndim);
  put(file, (char *)tensor->data + tensor->byte_offset, bytes_of(tensor));
}

int main(int count, char **given) {
  if (count != 7) {
    fprintf(stderr, "runner FFI RUNTIME EXTRA LIBRARY FEED RESULT\n");
    return 2;
  }
  void *ffi = opened(given[1]);
  find_global = FIND(ffi, "TVMFFIFunctionGetGlobal");
  call_function = FIND(ffi, "TVMFFIFunctionCall");
  take_error = FIND(ffi, "TVMFFIErrorMoveFromRaised");
  take_tensor = FIND(ffi, "TVMFFITensorFromDLPack");
  if (!find_global || !call_function || !take_error || !take_tensor) fail("TVM's C interface");
  opened(given[2]);
  opened(given[3]);

  TVMFFIAny path = text(given[4]);
  TVMFFIAny library = call(global("ffi.ModuleLoadFromFile"), &path, 1, "loading the library");
  TVMFFIAny machine = call(method(library, "vm_load_executable"), NULL, 0, "loading the model");
  /* on the CPU, the first, with memory from a pool */
  TVMFFIAny place[] = {number(kTVMFFIInt, kDLCPU), number(kTVMFFIInt, 0), number(kTVMFFIInt, 2)};
  call(method(machine, "vm_initialization"), place, 3, "preparing the model");

  FILE *feed = fopen(given[5], "rb");
  if (!feed) fail(given[5]);
  int32_t inputs = 0;
  get(feed, &inputs, 4);
  if (inputs < 0 || inputs > MOST) fail("reading the number of inputs");
  TVMFFIAny arguments[MOST];
  for (int i = 0; i < inputs; i++) arguments[i] = read_tensor(feed);
  fclose(feed);

  TVMFFIAny returned = call(method(machine, "main"), arguments, inputs, "running the model");
  int several = returned.type_index == kTVMFFIArray;
  int32_t outputs = several ? (int32_t)call(global("ffi.ArraySize"), &returned, 1, "the outputs").v_int64 : 1;
  FILE *result = fopen(given[6], "wb");
  if (!result) fail(given[6]);
  put(result, &outputs, 4);
  for (int i = 0; i < outputs; i++) {
    TVMFFIAny item[] = {returned, number(kTVMFFIInt, i)};
    write_tensor(result, several ? call(global("ffi.ArrayGetItem"), item, 2, "an output") : returned);
  }
  return fclose(result) ? 1 : 0;
}
