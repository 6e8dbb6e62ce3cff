/* The XML reader.
 *
 * Words.  The *window*, [at, limit), is what is being read: the chunk that was
 * fed, or the *carry*, a copy of the start of an item that a chunk cut off.  An
 * *item* is what is read in one go: a tag, a reference, the start of a comment
 * or CDATA section, the XML declaration, one character beyond ASCII, a few
 * octets that need the next to be understood.  The *rest*, [rest, rest_limit),
 * is what of the chunk lies behind the carry.
 *
 * Rules.  An item is read only whole, from contiguous memory, by code that
 * knows nothing of chunks; where it finds the window's limit instead, it
 * changes nothing and reports WWI_XML_NEED_INPUT.  Then refill() carries the
 * item over and adds to it what is missing, and no octet more, so that the
 * octets behind it are read where they are.  Whether an item is cut off must
 * not change what is reported: limits are measured from its first octet, and a
 * run of text ends before whatever is wrong in it.
 *
 * An element's names and namespaces stay until the token after its end: `ended`
 * says that they are to go. */
#include "core/xml/parser.h"

#include "core/base/text.h"

static const struct wwi_xml_limits default_limits = {
    .depth = 32,
    .attributes = 128,
    .namespaces = 64,
    .name_size = 1024,
    .value_size = 64 * 1024,
    .tag_size = 1024 * 1024,
};

/* Moves row and column from the window's base to p. */
static void count_lines(struct wwi_xml_reader *reader, const uint8_t *p)
{
    const uint8_t *from = reader->base;
    const uint8_t *line;

    while (from < p && (line = memchr(from, '\n', (size_t) (p - from)))) {
        reader->row++;
        reader->column = 0;
        from = line + 1;
    }
    reader->column += (uint64_t) (p - from);
}

int wwi_xml_refuse(
    struct wwi_xml_reader *reader,
    wws_status status,
    const uint8_t *p,
    const char *problem)
{
    count_lines(reader, p);
    reader->begin = reader->end = wwi_xml_offset(reader, p);
    reader->status = status;
    reader->problem = problem;
    reader->state = FAILED;
    reader->starved = false;
    return WWI_XML_ERROR;
}

int wwi_xml_cut_off(struct wwi_xml_reader *reader, const char *problem)
{
    if (wwi_xml_is_last(reader))
        return wwi_xml_fail(reader, reader->limit, problem);
    return WWI_XML_NEED_INPUT;
}

/* Compares as far as the window goes: 1 the literal stands there, 0 it may yet,
 * -1 it does not. */
static int looking_at(const struct wwi_xml_reader *reader, wws_string literal)
{
    size_t size = (size_t) (reader->limit - reader->at);

    if (size >= literal.size)
        return memcmp(reader->at, literal.data, literal.size) == 0 ? 1 : -1;
    if (wwi_xml_is_last(reader) || memcmp(reader->at, literal.data, size) != 0)
        return -1;
    return 0;
}

/* Whether `<!` goes on as the literal does; if so, steps over it into a state.
 * AGAIN, WWI_XML_NEED_INPUT, or WWI_XML_ERROR, without failing: it does not. */
static int enter(
    struct wwi_xml_reader *reader,
    wws_string literal,
    enum wwi_xml_state state)
{
    int match = looking_at(reader, literal);

    if (match == 0)
        return WWI_XML_NEED_INPUT;
    if (match < 0)
        return WWI_XML_ERROR;
    reader->at += literal.size;
    reader->state = (uint8_t) state;
    return AGAIN;
}

/* At `<!`, perhaps cut off behind it. */
static int read_exclamation(struct wwi_xml_reader *reader)
{
    int result = enter(reader, WWS_STR("<!--"), COMMENT);

    if (result == WWI_XML_ERROR && reader->state == CONTENT)
        result = enter(reader, WWS_STR("<![CDATA["), CDATA);
    if (result != WWI_XML_ERROR)
        return result;
    if (reader->limit - reader->at > 2 && reader->at[2] == 'D')
        return wwi_xml_fail(reader, reader->at,
            "a document type declaration is refused");
    return wwi_xml_fail(reader, reader->at, "`<!` that begins nothing");
}

/* At `<`. */
static int read_markup(struct wwi_xml_reader *reader)
{
    if (reader->limit - reader->at < 2)
        return wwi_xml_cut_off(reader, "the input ends inside a tag");
    switch (reader->at[1]) {
    case '/':
        return wwi_xml_read_end_tag(reader);
    case '!':
        return read_exclamation(reader);
    case '?':
        return wwi_xml_fail(reader, reader->at,
            "a processing instruction is refused");
    default:
        if (reader->state == OUTSIDE && reader->rooted)
            return wwi_xml_fail(reader, reader->at, "a second root element");
        return wwi_xml_read_start_tag(reader);
    }
}

/* The input ends between two tokens. */
static int read_end(struct wwi_xml_reader *reader)
{
    if (!wwi_xml_is_last(reader))
        return WWI_XML_NEED_INPUT;
    if (reader->depth != 0)
        return wwi_xml_fail(reader, reader->at,
            "the input ends inside an element");
    if (!reader->rooted && !reader->options.fragment)
        return wwi_xml_fail(reader, reader->at, "there is no root element");
    reader->state = DONE;
    return wwi_xml_hand_out(reader, WWI_XML_END_OF_DOCUMENT, reader->at);
}

static int read_content(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit)
        return read_end(reader);
    if (*reader->at == '<')
        return read_markup(reader);
    if (*reader->at == '&')
        return wwi_xml_read_character(reader);
    return wwi_xml_read_text(reader);
}

static int read_outside(struct wwi_xml_reader *reader)
{
    reader->at = wwi_xml_skip(reader->at, reader->limit, WWI_XML_SPACE);
    if (reader->at == reader->limit)
        return read_end(reader);
    if (*reader->at == '<')
        return read_markup(reader);
    return wwi_xml_fail(reader, reader->at, "text outside the root element");
}

static int read_start(struct wwi_xml_reader *reader)
{
    int mark = looking_at(reader, WWS_STR("\xEF\xBB\xBF"));

    if (mark == 0)
        return WWI_XML_NEED_INPUT;
    if (mark > 0)
        reader->at += 3;
    else if (reader->at < reader->limit
        && (*reader->at >= 0xFE || *reader->at == 0))
        return wwi_xml_fail(reader, reader->at, "the encoding is not UTF-8");
    reader->state = DECLARATION;
    return AGAIN;
}

/* Steps over ` name = "value"` at p; null if something else stands there. */
static const uint8_t *read_pseudo(
    const uint8_t *p,
    const uint8_t *limit,
    wws_string name,
    wws_string *value)
{
    const uint8_t *begin = wwi_xml_skip(p, limit, WWI_XML_SPACE);
    const uint8_t *end;

    if (begin == p || (size_t) (limit - begin) < name.size
        || memcmp(begin, name.data, name.size) != 0)
        return NULL;
    p = wwi_xml_skip(begin + name.size, limit, WWI_XML_SPACE);
    if (p == limit || *p != '=')
        return NULL;
    p = wwi_xml_skip(p + 1, limit, WWI_XML_SPACE);
    if (p == limit || (*p != '"' && *p != '\''))
        return NULL;
    end = memchr(p + 1, *p, (size_t) (limit - p - 1));
    if (end == NULL)
        return NULL;
    *value = wwi_xml_between(p + 1, end);
    return end + 1;
}

/* A letter, then letters, digits and a few signs. */
static bool is_encoding_name(wws_string name)
{
    const uint8_t *begin = (const uint8_t *) name.data;
    const uint8_t *end = begin + name.size;

    return begin != end && *begin != '_'
        && wwi_xml_is(*begin, WWI_XML_NAME_START)
        && wwi_xml_skip(begin, end, WWI_XML_NAME) == end;
}

const char *wwi_xml_read_declared(
    const uint8_t *p,
    const uint8_t *limit,
    struct wwi_xml_declared *declared)
{
    wws_string value;
    const uint8_t *next = read_pseudo(p, limit, WWS_STR("version"), &value);

    *declared = (struct wwi_xml_declared) { 0 };
    if (next == NULL || !wwi_xml_equal(value, WWS_STR("1.0")))
        return "the XML version is not 1.0";
    p = next;
    next = read_pseudo(p, limit, WWS_STR("encoding"), &declared->encoding);
    if (next != NULL && !is_encoding_name(declared->encoding))
        return "a malformed XML declaration";
    declared->begin = p;
    p = declared->end = next != NULL ? next : p;
    next = read_pseudo(p, limit, WWS_STR("standalone"), &value);
    if (next != NULL && !wwi_xml_equal(value, WWS_STR("yes"))
        && !wwi_xml_equal(value, WWS_STR("no")))
        return "standalone is neither yes nor no";
    p = wwi_xml_skip(next != NULL ? next : p, limit, WWI_XML_SPACE);
    return p + 1 == limit && *p == '?' ? NULL : "a malformed XML declaration";
}

/* What is wrong between `<?xml` and `>`; null if nothing. */
static const char *bad_declared(const uint8_t *p, const uint8_t *limit)
{
    struct wwi_xml_declared declared;
    const char *problem = wwi_xml_read_declared(p, limit, &declared);

    if (problem == NULL && declared.encoding.data != NULL
        && wwi_charset_named(declared.encoding) != WWI_CHARSET_UTF_8)
        problem = "the encoding is not UTF-8";
    return problem;
}

static int read_declaration(struct wwi_xml_reader *reader)
{
    const uint8_t *p = reader->at;
    size_t size = (size_t) (reader->limit - p);
    int match = looking_at(reader, WWS_STR("<?xml"));
    const uint8_t *end;
    const char *problem;

    if (match == 0 || (match > 0 && size < 6))
        return wwi_xml_cut_off(reader,
            "the input ends inside the XML declaration");
    if (match < 0 || !wwi_xml_is(p[5], WWI_XML_SPACE)) {
        reader->state = OUTSIDE;
        return AGAIN;
    }
    end = memchr(p, '>', size < WWI_XML_DECLARATION_SIZE
        ? size : WWI_XML_DECLARATION_SIZE);
    if (end == NULL && size < WWI_XML_DECLARATION_SIZE)
        return wwi_xml_cut_off(reader,
            "the input ends inside the XML declaration");
    if (end == NULL)
        return wwi_xml_fail(reader, p, "a malformed XML declaration");
    problem = bad_declared(p + 5, end);
    if (problem != NULL)
        return wwi_xml_fail(reader, p, problem);
    reader->at = end + 1;
    reader->state = OUTSIDE;
    return AGAIN;
}

static bool is_carried(const struct wwi_xml_reader *reader)
{
    return reader->carry.size != 0;
}

/* Puts the window onto octets that begin at the given offset. */
static void set_window(
    struct wwi_xml_reader *reader,
    const uint8_t *data,
    size_t size,
    uint64_t offset)
{
    reader->base = reader->at = data;
    reader->limit = data + size;
    reader->base_offset = offset;
}

/* The window is read: goes on with the rest of the chunk. */
static void open_rest(struct wwi_xml_reader *reader)
{
    count_lines(reader, reader->at);
    reader->carry.size = 0;
    set_window(reader, reader->rest,
        (size_t) (reader->rest_limit - reader->rest),
        wwi_xml_offset(reader, reader->at));
    reader->rest = reader->rest_limit;
}

/* Whether the item at `at` is a tag.  Nothing else may become long. */
static bool is_tag(const struct wwi_xml_reader *reader)
{
    return reader->limit - reader->at > 1 && reader->at[0] == '<'
        && reader->at[1] != '!' && reader->at[1] != '?';
}

/* Behind the `>` that is outside of quotes; null if there is none before the
 * limit.  `quote` says what quotes p is in. */
static const uint8_t *find_tag_end(
    const uint8_t *p,
    const uint8_t *limit,
    uint8_t *quote)
{
    for (; p < limit; p++) {
        if (*quote != 0)
            *quote = *p == *quote ? 0 : *quote;
        else if (*p == '"' || *p == '\'')
            *quote = *p;
        else if (*p == '>')
            return p + 1;
    }
    return NULL;
}

/* Keeps the cut-off item, and only that, when its chunk goes away or when the
 * carry that it is in already must grow. */
static bool carry_over(struct wwi_xml_reader *reader)
{
    size_t left = (size_t) (reader->limit - reader->at);
    uint64_t offset = wwi_xml_offset(reader, reader->at);

    if (!is_carried(reader))
        wwi_bytes_append(&reader->carry, reader->at, left);
    if (reader->carry.failed)
        return false;
    count_lines(reader, reader->at);
    wwi_bytes_consume(&reader->carry, reader->carry.size - left);
    set_window(reader, reader->carry.data, left, offset);
    reader->quote = 0;
    if (is_tag(reader))
        find_tag_end(reader->at + 1, reader->limit, &reader->quote);
    return true;
}

/* Adds to the carried item what it lacks.  AGAIN when it may be whole now. */
static int lengthen(struct wwi_xml_reader *reader)
{
    const uint8_t *end = reader->rest + 1;
    int result = AGAIN;

    if (reader->at != reader->base)
        carry_over(reader);
    if (is_tag(reader))
        end = find_tag_end(reader->rest, reader->rest_limit, &reader->quote);
    if (end == NULL) {
        end = reader->rest_limit;
        result = WWI_XML_NEED_INPUT;
    }
    wwi_bytes_append(&reader->carry, reader->rest,
        (size_t) (end - reader->rest));
    if (reader->carry.failed)
        return wwi_xml_no_memory(reader);
    reader->rest = end;
    set_window(reader, reader->carry.data, reader->carry.size,
        reader->base_offset);
    /* Then it is read however it ends, and refused. */
    if (wwi_xml_is_last(reader)
        || reader->carry.size >= reader->options.limits.tag_size)
        result = AGAIN;
    return result;
}

/* The item at `at` is cut off.  AGAIN when there is more of it, or when no more
 * will come and it must be judged as it is. */
static int refill(struct wwi_xml_reader *reader)
{
    if (reader->at == reader->limit) {
        open_rest(reader);
        if (reader->at < reader->limit)
            return AGAIN;
    }
    if (wwi_xml_is_last(reader))
        return AGAIN;
    if (is_carried(reader) && reader->rest < reader->rest_limit)
        return lengthen(reader);
    if (reader->at < reader->limit && !is_carried(reader)
        && !carry_over(reader))
        return wwi_xml_no_memory(reader);
    return WWI_XML_NEED_INPUT;
}

static int step(struct wwi_xml_reader *reader)
{
    switch ((enum wwi_xml_state) reader->state) {
    case START:
        return read_start(reader);
    case DECLARATION:
        return read_declaration(reader);
    case OUTSIDE:
        return read_outside(reader);
    case CONTENT:
        return read_content(reader);
    case CDATA:
        return wwi_xml_read_cdata(reader);
    case COMMENT:
        return wwi_xml_read_comment(reader);
    case EMPTY:
        return wwi_xml_end_element(reader, reader->at);
    case DONE:
        return WWI_XML_END_OF_DOCUMENT;
    case FAILED:
        break;
    }
    return WWI_XML_ERROR;
}

enum wwi_xml_token wwi_xml_reader_next(struct wwi_xml_reader *reader)
{
    int result;

    if (reader->ended) {
        wwi_xml_scope_pop(&reader->scope);
        reader->depth--;
        reader->ended = false;
    }
    do {
        result = reader->starved ? refill(reader) : AGAIN;
        if (result != AGAIN)
            break;
        result = step(reader);
        reader->starved = result == WWI_XML_NEED_INPUT;
    } while (result == AGAIN || reader->starved);
    return (enum wwi_xml_token) result;
}

static void use_default(uint32_t *limit, uint32_t value)
{
    if (*limit == 0)
        *limit = value;
}

static void begin(struct wwi_xml_reader *reader)
{
    reader->state = reader->options.fragment ? CONTENT : START;
    reader->base = reader->at = reader->limit = (const uint8_t *) "";
    reader->rest = reader->rest_limit = reader->limit;
    reader->starved = true;
}

void wwi_xml_reader_init(
    struct wwi_xml_reader *reader,
    const struct wwi_xml_reader_options *options)
{
    struct wwi_xml_limits *limits = &reader->options.limits;

    *reader = (struct wwi_xml_reader) { 0 };
    if (options != NULL)
        reader->options = *options;
    use_default(&limits->depth, default_limits.depth);
    use_default(&limits->attributes, default_limits.attributes);
    use_default(&limits->namespaces, default_limits.namespaces);
    use_default(&limits->name_size, default_limits.name_size);
    use_default(&limits->value_size, default_limits.value_size);
    use_default(&limits->tag_size, default_limits.tag_size);
    begin(reader);
}

void wwi_xml_reader_fini(struct wwi_xml_reader *reader)
{
    wwi_xml_scope_fini(&reader->scope);
    wwi_bytes_fini(&reader->raws);
    wwi_bytes_fini(&reader->list);
    wwi_bytes_fini(&reader->decoded);
    wwi_bytes_fini(&reader->carry);
    *reader = (struct wwi_xml_reader) { 0 };
}

void wwi_xml_reader_reset(struct wwi_xml_reader *reader, size_t keep)
{
    struct wwi_xml_reader old = *reader;

    wwi_xml_scope_reset(&old.scope, keep);
    wwi_bytes_reset(&old.raws, keep);
    wwi_bytes_reset(&old.list, keep);
    wwi_bytes_reset(&old.decoded, keep);
    wwi_bytes_reset(&old.carry, keep);
    *reader = (struct wwi_xml_reader) {
        .options = old.options,
        .scope = old.scope,
        .raws = old.raws,
        .list = old.list,
        .decoded = old.decoded,
        .carry = old.carry,
    };
    begin(reader);
}

void wwi_xml_reader_feed(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size)
{
    if (reader->state == FAILED)
        return;
    if (!reader->starved || reader->rest != reader->rest_limit
        || reader->finished) {
        wwi_xml_fail(reader, reader->at, "input that was not asked for");
        return;
    }
    reader->rest = size != 0 ? data : (const void *) "";
    reader->rest_limit = reader->rest + size;
}

void wwi_xml_reader_finish(struct wwi_xml_reader *reader)
{
    reader->finished = true;
}

void wwi_xml_reader_whole(
    struct wwi_xml_reader *reader,
    const void *data,
    size_t size)
{
    wwi_xml_reader_feed(reader, data, size);
    wwi_xml_reader_finish(reader);
}

bool wwi_xml_reader_lookup(
    const struct wwi_xml_reader *reader,
    wws_string prefix,
    wws_string *uri)
{
    return wwi_xml_scope_find(&reader->scope, prefix, uri);
}

bool wwi_xml_reader_namespace(
    const struct wwi_xml_reader *reader,
    size_t *index,
    struct wwi_xml_namespace *found)
{
    return wwi_xml_scope_next(&reader->scope, index, found);
}
