package wws

// FramesInUse is how many functions of the library are not over.
func FramesInUse() int {
	frames.Lock()
	defer frames.Unlock()
	return len(frames.all) - len(frames.holes) - len(frames.spare)
}

// TablesInUse is how many callback tables the library has.
func TablesInUse() int {
	tables.RLock()
	defer tables.RUnlock()
	return len(tables.all)
}
