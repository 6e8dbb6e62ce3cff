/*
 * Runs a fuzz target over the files of a corpus, without a fuzzer. An empty
 * corpus is a failure: it would prove nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads an open file whole; the caller frees. Null on failure. */
static uint8_t *read_all(FILE *file, size_t *size)
{
    struct stat info;
    uint8_t *data;

    if (fstat(fileno(file), &info) != 0 || info.st_size < 0)
        return NULL;
    *size = (size_t)info.st_size;
    /* Exactly as long as the input, so that a checker sees an overrun. */
    data = malloc(*size ? *size : 1);
    if (data && fread(data, 1, *size, file) != *size) {
        free(data);
        return NULL;
    }
    return data;
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;

    if (file) {
        data = read_all(file, &size);
        fclose(file);
    }
    if (!data) {
        perror(path);
        return -1;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

/* The number of inputs run, or -1. */
static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    int count = 0;

    if (!dir) {
        perror(folder);
        return -1;
    }
    while (count >= 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count = replay_file(path) == 0 ? count + 1 : -1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    count = replay_folder(argv[1]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
