# X10: what comes after the strategy's return is replaced: more than one frame, a report for a frame, a lie for a shape.
def strategy(data):
    main = sys.modules["__main__"]
    write = main.write_all

    def write_all(place, bytes_):
        write(place, struct.pack("<BI", 2, len(FORGED)) + FORGED.encode())
        write(place, bytes_)

    main.write_all = write_all
    return honest(data)
